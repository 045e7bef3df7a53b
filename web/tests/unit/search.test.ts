import { describe, expect, it } from 'vitest';
import { fromAddress, NO_WISH, toAddress, toFilters } from '../../src/lib/search/filters';

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
