// Walls in the order of fitness: how many fit is never known, so the best few hundred are shown.

import { ApiError } from '$lib/api/client';
import { alike, everything, type Answer, type Narrowing, type Ranked, type Understood } from '$lib/api/search';
import { photoOf, type Photo } from '$lib/grid/photo';
import type { Source } from '$lib/grid/source';
import { t } from '$lib/text/t';
import { noteOf, whyOf } from './reasons';

/** Two pages of this many. */
const PAGE = 250;
const PAGES = 2;

/** What was said about a search beside its photos. */
export class Told {
	meaning = $state<Answer['meaning']>('on');
	understood = $state.raw<Understood[]>([]);
	isCut = $state(false);
}

const told = new Map<string, Told>();

/** What the wall with this name was told. */
export function toldOf(name: string): Told {
	let known = told.get(name);
	if (!known) told.set(name, (known = new Told()));
	return known;
}

type Ask = (part: { page: number; size: number }, signal: AbortSignal) => Promise<Ranked>;

export function everythingSource(words: string, narrowing: Narrowing): Source {
	return rankedSource(`search:all:${words}:${JSON.stringify(narrowing)}`, narrowing, (part, signal) => everything(words, narrowing, part, signal));
}

export function alikeSource(photo: string, words: string, narrowing: Narrowing): Source {
	return rankedSource(`search:like:${photo}:${words}:${JSON.stringify(narrowing)}`, narrowing, async (part, signal) => {
		try {
			return await alike(photo, words, narrowing, part, signal);
		} catch (thrown) {
			// The photo's own looks are known here; only the words would have to be understood.
			if (thrown instanceof ApiError && thrown.isMeaningAway && words) return { ...(await alike(photo, '', narrowing, part, signal)), meaning: 'away' };
			// Not looked at yet: the server's sentence names it by number.
			if (thrown instanceof ApiError && thrown.status === 400 && thrown.message.includes(photo)) throw new ApiError(400, t('like_unready'));
			throw thrown;
		}
	});
}

function rankedSource(name: string, narrowing: Narrowing, ask: Ask): Source {
	let first: Photo[] | null = null;
	return {
		name,
		hasDays: false,
		async buckets(signal) {
			const found = await ask({ page: 1, size: PAGE }, signal);
			const about = toldOf(name);
			about.meaning = found.meaning;
			about.understood = found.understood;
			about.isCut = found.hasMore;
			first = photosOf(found);
			const pages = [{ key: '1', count: first.length }];
			if (found.hasMore) for (let page = 2; page <= PAGES; page++) pages.push({ key: String(page), count: PAGE });
			return pages.filter(({ count }) => count > 0);
		},
		async photos(key, signal) {
			if (key === '1' && first) {
				const photos = first;
				first = null;
				return photos;
			}
			return photosOf(await ask({ page: Number(key), size: PAGE }, signal));
		},
		keeps(change) {
			if (change.isTrashed) return false;
			return change.visibility !== 'locked' && !(narrowing.isFavorite && change.isFavorite === false);
		}
	};
}

const photosOf = ({ hits }: Ranked): Photo[] => hits.map(({ asset, reasons }) => ({ ...photoOf(asset), why: whyOf(reasons), note: noteOf(reasons) }));
