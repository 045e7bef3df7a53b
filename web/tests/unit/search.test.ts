import { describe, expect, it } from 'vitest';
import type { Reason } from '../../src/lib/api/search';
import { complete } from '../../src/lib/search/complete';
import { fromAddress, isRanked, narrowing, NO_WISH, toAddress, toFilters } from '../../src/lib/search/filters';
import { noteOf, whyOf } from '../../src/lib/search/reasons';

describe('search', () => {
	it('goes through the address and back', () => {
		const wish = { ...NO_WISH, q: 'sea & sand', city: 'Lisbon', favorite: '1' };
		expect(fromAddress(new URLSearchParams(toAddress(wish)))).toEqual(wish);
	});

	it('asks for nothing while nothing is wished', () => {
		expect(toFilters(NO_WISH)).toBeNull();
		expect(toFilters({ ...NO_WISH, in: 'file' })).toBeNull();
	});

	it('says days as whole days', () => {
		const filters = toFilters({ ...NO_WISH, from: '2023-05-01', to: '2023-05-31' });
		expect(filters).toMatchObject({ takenAfter: '2023-05-01T00:00:00.000Z', takenBefore: '2023-05-31T23:59:59.999Z' });
	});

	it('ignores nonsense in the address', () => {
		const wish = fromAddress(new URLSearchParams('type=AUDIO&rating=9&from=soon&in=x'));
		expect(toFilters(wish)).not.toHaveProperty('type');
		expect(toFilters(wish)).not.toHaveProperty('rating');
		expect(toFilters(wish)).not.toHaveProperty('takenAfter');
	});
});

describe('the box', () => {
	it('ranks words and likeness, and lists what only filters say', () => {
		expect(isRanked({ ...NO_WISH, q: 'red circle' })).toBe(true);
		expect(isRanked({ ...NO_WISH, like: 'a' })).toBe(true);
		expect(isRanked({ ...NO_WISH, q: 'red circle', in: 'text' })).toBe(false);
		expect(isRanked({ ...NO_WISH, q: '  ', city: 'Rome' })).toBe(false);
	});

	it('looks for words only where it is told to', () => {
		expect(toFilters({ ...NO_WISH, q: 'exit', in: 'text' })).toMatchObject({ ocr: 'exit' });
		expect(toFilters({ ...NO_WISH, q: 'exit', in: 'file' })).toMatchObject({ originalFileName: 'exit' });
		expect(toFilters({ ...NO_WISH, q: 'exit', in: 'description' })).not.toHaveProperty('ocr');
		expect(narrowing({ ...NO_WISH, q: 'exit', city: 'Rome' })).toEqual({ city: 'Rome', visibility: 'timeline' });
	});

	it('completes the words that led to a suggestion, and no others', () => {
		expect(complete('red car in ro', 'Rome')).toBe('red car in Rome');
		expect(complete('beach sao pa', 'São Paulo')).toBe('beach São Paulo');
		expect(complete('lind', 'Ada Lind')).toBe('Ada Lind');
		expect(complete('sunset', 'Rome')).toBe('sunset Rome');
	});
});

describe('reasons', () => {
	const because = (...reasons: [Reason['kind'], string][]): Reason[] => reasons.map(([kind, text]) => ({ kind, text }));

	it('name what is sure, and only one piece of text', () => {
		expect(noteOf(because(['place', 'Rome'], ['person', 'Anna'], ['date', '2019-07-14'], ['text', 'EXIT'], ['name', 'exit.jpg']))).toMatch(/^Rome · Anna · .*2019.* · .*EXIT.*$/);
		expect(noteOf(because(['name', 'exit.jpg'], ['meaning', 'exit']))).toBe('exit.jpg');
	});

	it('are never missing', () => {
		expect(noteOf(because(['meaning', 'a red circle']))).toBe('');
		expect(whyOf(because(['meaning', 'a red circle']))).toBe('Looks like it');
	});

	it('are short', () => {
		expect(noteOf(because(['text', 'word '.repeat(60)])).length).toBeLessThan(130);
	});
});
