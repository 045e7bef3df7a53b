// Asks before what cannot be undone.

/** `isCalm`: it can be undone, and nobody needs to be warned. */
type Question = { text: string; action: string; isCalm: boolean; answer: (yes: boolean) => void };

class Confirm {
	question = $state.raw<Question | null>(null);

	answer(yes: boolean) {
		this.question?.answer(yes);
		this.question = null;
	}
}

export const confirm = new Confirm();

export function confirmed(text: string, action: string, isCalm = false): Promise<boolean> {
	confirm.answer(false);
	return new Promise((answer) => (confirm.question = { text, action, isCalm, answer }));
}
