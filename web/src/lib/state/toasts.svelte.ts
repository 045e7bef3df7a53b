// Short notes at the foot of the page; one may carry a way back.

export type Toast = { id: number; text: string; isProblem: boolean; undo: (() => Promise<unknown>) | null };

const STAY_MS = 6_000;
const UNDO_MS = 10_000;

class Toasts {
	all = $state.raw<Toast[]>([]);
	private nextId = 1;

	say(text: string) {
		this.add({ text, isProblem: false, undo: null }, STAY_MS);
	}

	problem(text: string) {
		this.add({ text, isProblem: true, undo: null }, UNDO_MS);
	}

	undoable(text: string, undo: () => Promise<unknown>) {
		this.add({ text, isProblem: false, undo }, UNDO_MS);
	}

	dismiss(id: number) {
		this.all = this.all.filter((toast) => toast.id !== id);
	}

	private add(toast: Omit<Toast, 'id'>, stayMs: number) {
		const id = this.nextId++;
		this.all = [...this.all.slice(-2), { id, ...toast }];
		setTimeout(() => this.dismiss(id), stayMs);
	}
}

export const toasts = new Toasts();
