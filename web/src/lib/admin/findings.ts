// The doctor's answer, read leniently: a list of checks, or an object that holds one.

export type Finding = { name: string; isWell: boolean; sentence: string };

export function findings(answer: unknown): Finding[] {
	const list = Array.isArray(answer) ? answer : firstList(answer);
	return list.filter((each): each is Record<string, unknown> => typeof each === 'object' && each !== null).map(read);
}

function firstList(answer: unknown): unknown[] {
	if (typeof answer !== 'object' || answer === null) return [];
	return Object.values(answer).find((value): value is unknown[] => Array.isArray(value)) ?? [];
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

function read(each: Record<string, unknown>): Finding {
	const verdict = each.ok ?? each.isWell ?? each.status ?? each.state;
	return {
		name: text(each.name) || text(each.check),
		isWell: verdict === true || (typeof verdict === 'string' && /^(ok|well|good|pass|online)/i.test(verdict)),
		sentence: text(each.sentence) || text(each.message) || text(each.detail)
	};
}
