import { describe, expect, it } from 'vitest';
import type { Asset } from '../../src/lib/api/assets';
import { bestFirst, isCertain } from '../../src/lib/duplicates/compare';

describe('a group of duplicates', () => {
	it('is decided unasked only where all are the same picture and one is the best', () => {
		const best = { suggestedKeepAssetIds: ['a'] };
		expect(isCertain({ kind: 're-encoded', ...best })).toBe(true);
		expect(isCertain({ kind: 're-encoded', suggestedKeepAssetIds: [] })).toBe(false);
		for (const kind of ['edited', 'burst', 'similar'] as const) expect(isCertain({ kind, ...best })).toBe(false);
	});

	it('shows the best first and the others as they came', () => {
		const assets = ['a', 'b', 'c'].map((id) => ({ id }) as Asset);
		expect(bestFirst({ assets, suggestedKeepAssetIds: ['c'] }).map(({ id }) => id)).toEqual(['c', 'a', 'b']);
	});
});
