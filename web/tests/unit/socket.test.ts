import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { CONNECTED, LiveSocket } from '../../src/lib/api/socket';

class FakeSocket {
	static made: FakeSocket[] = [];
	sent: string[] = [];
	onmessage: ((message: { data: string }) => void) | null = null;
	onclose: (() => void) | null = null;

	constructor(readonly url: string) {
		FakeSocket.made.push(this);
	}

	send(frame: string) {
		this.sent.push(frame);
	}

	close() {
		this.onclose?.();
	}

	hear(frame: string) {
		this.onmessage?.({ data: frame });
	}
}

const latest = () => FakeSocket.made.at(-1)!;

describe('the live line', () => {
	beforeEach(() => {
		FakeSocket.made = [];
		vi.useFakeTimers();
		vi.stubGlobal('WebSocket', FakeSocket);
		vi.stubGlobal('location', { protocol: 'https:', host: 'photos.example' });
	});
	afterEach(() => {
		vi.useRealTimers();
		vi.unstubAllGlobals();
	});

	it('greets, answers pings and hands events on', () => {
		const heard: unknown[] = [];
		const line = new LiveSocket(() => {});
		line.on('on_asset_trash', (ids) => heard.push(ids));
		line.open();
		expect(latest().url).toBe('wss://photos.example/api/socket.io/?EIO=4&transport=websocket');
		latest().hear('0{"sid":"x","pingInterval":25000,"pingTimeout":20000}');
		latest().hear('40{"sid":"y"}');
		latest().hear('2');
		latest().hear('42["on_asset_trash",["a","b"]]');
		expect(latest().sent).toEqual(['40', '3']);
		expect(heard).toEqual([['a', 'b']]);
		line.close();
	});

	it('comes back after it was cut, and says so', () => {
		const states: boolean[] = [];
		let connections = 0;
		const line = new LiveSocket((isUp) => states.push(isUp));
		line.on(CONNECTED, () => connections++);
		line.open();
		latest().hear('40{}');
		latest().close();
		vi.advanceTimersByTime(1500);
		expect(FakeSocket.made).toHaveLength(2);
		latest().hear('40{}');
		expect(states).toEqual([true, false, true]);
		expect(connections).toBe(2);
		line.close();
	});

	it('does not wait for a server that fell silent', () => {
		const line = new LiveSocket(() => {});
		line.open();
		latest().hear('0{"pingInterval":1000,"pingTimeout":1000}');
		vi.advanceTimersByTime(2001);
		vi.advanceTimersByTime(1500);
		expect(FakeSocket.made).toHaveLength(2);
		line.close();
	});

	it('stays closed once closed', () => {
		const line = new LiveSocket(() => {});
		line.open();
		line.close();
		vi.advanceTimersByTime(60_000);
		expect(FakeSocket.made).toHaveLength(1);
	});
});
