// What a suggestion makes of the words in the box. Pure.

const fold = (text: string) =>
	text.normalize('NFKD').replace(/\p{M}/gu, '').toLocaleLowerCase();

/** The last words that the name begins with are replaced by it; a name nothing leads to is added. */
export function complete(typed: string, name: string): string {
	const words = typed.trim().split(/\s+/).filter(Boolean);
	for (let start = 0; start < words.length; start++) {
		const begun = fold(words.slice(start).join(' '));
		if (fold(name).startsWith(begun) || fold(name).includes(` ${begun}`)) return [...words.slice(0, start), name].join(' ');
	}
	return [...words, name].join(' ');
}
