// Bytes a second over the last few seconds.

const WINDOW_MS = 8_000;

export class Speed {
	private moves: { at: number; bytes: number }[] = [];

	constructor(private readonly now: () => number = () => performance.now()) {}

	moved(bytes: number) {
		this.moves.push({ at: this.now(), bytes });
		const since = this.now() - WINDOW_MS;
		while ((this.moves[0]?.at ?? Infinity) < since) this.moves.shift();
	}

	reset() {
		this.moves = [];
	}

	get perSecond(): number {
		const first = this.moves[0];
		if (!first) return 0;
		const seconds = Math.max(1, (this.now() - first.at) / 1000);
		return this.moves.reduce((sum, move) => sum + move.bytes, 0) / seconds;
	}
}
