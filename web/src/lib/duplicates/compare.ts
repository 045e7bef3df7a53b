// What tells two photos of a group apart, line by line. Pure.

import type { Asset } from '$lib/api/assets';
import type { Group } from '$lib/api/duplicates';
import { bytes, locale, number, type Key } from '$lib/text/t';
import { dateTime } from '$lib/time';

/** The same picture beyond doubt, and one of them is the best: may be decided without a look at each. */
export const isCertain = ({ kind, suggestedKeepAssetIds }: Pick<Group, 'kind' | 'suggestedKeepAssetIds'>): boolean =>
	(kind === 'same-bytes' || kind === 'same-pixels' || kind === 're-encoded') && suggestedKeepAssetIds.length > 0;

/** The suggested ones stand first, where they are seen without scrolling. */
export function bestFirst({ assets, suggestedKeepAssetIds }: Pick<Group, 'assets' | 'suggestedKeepAssetIds'>): Asset[] {
	const isBest = (asset: Asset) => suggestedKeepAssetIds.includes(asset.id);
	return [...assets.filter(isBest), ...assets.filter((asset) => !isBest(asset))];
}

/** One line of the comparison: the same words under every photo, or not. */
export type Row = { label: Key; values: string[]; isSame: boolean };

const FACTS: { label: Key; of: (asset: Asset) => string }[] = [
	{ label: 'file_name', of: (asset) => asset.originalFileName },
	{ label: 'file_size', of: (asset) => (asset.exifInfo?.fileSizeInByte ? bytes(asset.exifInfo.fileSizeInByte) : '') },
	{ label: 'file_pixels', of: (asset) => (asset.width && asset.height ? `${number(asset.width)} × ${number(asset.height)}` : '') },
	{ label: 'date', of: (asset) => dateTime(Date.parse(asset.localDateTime), locale) },
	{ label: 'camera', of: (asset) => [asset.exifInfo?.make, asset.exifInfo?.model].filter(Boolean).join(' ') },
	{ label: 'place', of: (asset) => [asset.exifInfo?.city, asset.exifInfo?.country].filter(Boolean).join(', ') },
	{ label: 'description', of: (asset) => asset.exifInfo?.description ?? '' }
];

/** Only what at least one of them has something to say about. */
export function compare(assets: readonly Asset[]): Row[] {
	return FACTS.map(({ label, of }) => {
		const values = assets.map(of);
		return { label, values, isSame: new Set(values).size === 1 };
	}).filter((row) => row.values.some((value) => value !== ''));
}
