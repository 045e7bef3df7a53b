// Live events: the little of socket.io v4 over a websocket that we need (no polling, no acknowledgements,
// default namespace). Frames: Engine.IO digit, then Socket.IO digit: "0" open, "2"/"3" ping/pong, "40" connect, "42" event.

export type Listener = (...args: unknown[]) => void;

/** Our own event: the line is up, again or for the first time. What was said meanwhile was missed. */
export const CONNECTED = ' connected';

const FIRST_WAIT_MS = 1_000;
const LONGEST_WAIT_MS = 30_000;

export class LiveSocket {
	private socket: WebSocket | null = null;
	private listeners = new Map<string, Set<Listener>>();
	private waitMs = FIRST_WAIT_MS;
	private timer: ReturnType<typeof setTimeout> | undefined;
	private watchdog: ReturnType<typeof setTimeout> | undefined;
	private patienceMs = 60_000;
	private isWanted = false;

	constructor(private readonly onConnection: (isUp: boolean) => void) {}

	on(event: string, listener: Listener): () => void {
		const all = this.listeners.get(event) ?? new Set();
		this.listeners.set(event, all.add(listener));
		return () => all.delete(listener);
	}

	open() {
		if (this.isWanted) return;
		this.isWanted = true;
		this.connect();
	}

	close() {
		this.isWanted = false;
		clearTimeout(this.timer);
		clearTimeout(this.watchdog);
		this.socket?.close();
		this.socket = null;
	}

	private connect() {
		const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
		const socket = new WebSocket(`${scheme}://${location.host}/api/socket.io/?EIO=4&transport=websocket`);
		this.socket = socket;
		socket.onmessage = (message) => this.receive(socket, String(message.data));
		socket.onclose = () => {
			clearTimeout(this.watchdog);
			this.onConnection(false);
			if (this.socket !== socket || !this.isWanted) return;
			this.timer = setTimeout(() => this.connect(), this.waitMs * (0.8 + Math.random() * 0.4));
			this.waitMs = Math.min(LONGEST_WAIT_MS, this.waitMs * 2);
		};
	}

	private receive(socket: WebSocket, frame: string) {
		this.understand(socket, frame);
		this.rest(socket);
	}

	private understand(socket: WebSocket, frame: string) {
		if (frame[0] === '0') {
			const hello = JSON.parse(frame.slice(1)) as { pingInterval?: number; pingTimeout?: number };
			this.patienceMs = (hello.pingInterval ?? 25_000) + (hello.pingTimeout ?? 20_000);
			socket.send('40');
		} else if (frame[0] === '2') socket.send('3');
		else if (frame.startsWith('40')) {
			this.waitMs = FIRST_WAIT_MS;
			this.onConnection(true);
			this.tell(CONNECTED, []);
		} else if (frame.startsWith('42')) {
			const [event, ...args] = JSON.parse(frame.slice(frame.indexOf('['))) as [string, ...unknown[]];
			this.tell(event, args);
		}
	}

	private tell(event: string, args: unknown[]) {
		for (const listener of this.listeners.get(event) ?? []) listener(...args);
	}

	/** A server that stopped pinging is gone, whatever the socket believes. */
	private rest(socket: WebSocket) {
		clearTimeout(this.watchdog);
		this.watchdog = setTimeout(() => socket.close(), this.patienceMs);
	}
}
