// Asks before what cannot be undone.

/** `isCalm`: it can be undone, and nobody needs to be warned. `other`: what happens without the action, where that is not nothing. */
type Manner = { isCalm?: boolean; other?: string };
type Question = { text: string; action: string; answer: (yes: boolean) => void } & Manner;

class Confirm {
	question = $state.raw<Question | null>(null);

	answer(yes: boolean) {
		this.question?.answer(yes);
		this.question = null;
	}
}

export const confirm = new Confirm();

export function confirmed(text: string, action: string, manner: Manner = {}): Promise<boolean> {
	confirm.answer(false);
	return new Promise((answer) => (confirm.question = { text, action, answer, ...manner }));
}
