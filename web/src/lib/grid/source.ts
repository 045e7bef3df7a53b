// Where a wall gets its photos from: the timeline by months, or a search page by page.

import * as assets from '$lib/api/assets';
import type { Filters, View } from '$lib/api/assets';
import { photoAt, photoOf, type Photo } from './photo';

export type Source = {
	/** Walls with the same name share their photos and scroll position. */
	name: string;
	hasDays: boolean;
	buckets(signal: AbortSignal): Promise<{ key: string; count: number }[]>;
	photos(key: string, signal: AbortSignal): Promise<Photo[]>;
	/** True when the photo belongs here after such a change. */
	keeps(change: { isFavorite?: boolean; visibility?: assets.Visibility; isTrashed?: boolean }): boolean;
};

export function timelineSource(name: string, view: View): Source {
	return {
		name,
		hasDays: true,
		async buckets(signal) {
			const answer = await assets.buckets(view, signal);
			return answer.map(({ timeBucket, count }) => ({ key: timeBucket, count }));
		},
		async photos(key, signal) {
			return photosOf(await assets.bucket(view, key, signal));
		},
		keeps(change) {
			if (change.isTrashed !== undefined && change.isTrashed !== (view.isTrashed ?? false)) return false;
			if (change.isFavorite === false && view.isFavorite) return false;
			if (change.visibility === undefined) return true;
			return view.visibility ? change.visibility === view.visibility : change.visibility !== 'locked';
		}
	};
}

export const photosOf = (columns: assets.Columns): Photo[] => columns.id.map((_, i) => photoAt(columns, i));

/** Everything in the timeline with one person in it. */
export const personSource = (id: string): Source => timelineSource(`person:${id}`, { personId: id, visibility: 'timeline', withStacked: true });

/** Pages of this many results are fetched as the person scrolls to them. */
export const PAGE = 250;

export function searchSource(filters: Filters): Source {
	return {
		name: `search:${JSON.stringify(filters)}`,
		hasDays: false,
		async buckets(signal) {
			const { total } = await assets.countOf(filters, signal);
			const pages = Math.ceil(total / PAGE);
			return Array.from({ length: pages }, (_, i) => ({
				key: String(i + 1),
				count: Math.min(PAGE, total - i * PAGE)
			}));
		},
		async photos(key, signal) {
			const { assets: found } = await assets.search(filters, Number(key), signal);
			return found.map(photoOf);
		},
		keeps(change) {
			if (change.isTrashed) return false;
			return change.visibility !== 'locked' && !(filters.isFavorite && change.isFavorite === false);
		}
	};
}

/** The walls of the house. A photo's address is `/<wall>/<id>`. */
export const WALLS = {
	photos: timelineSource('photos', { visibility: 'timeline', withStacked: true }),
	favorites: timelineSource('favorites', { isFavorite: true }),
	archive: timelineSource('archive', { visibility: 'archive' }),
	trash: timelineSource('trash', { isTrashed: true }),
	locked: timelineSource('locked', { visibility: 'locked' })
} as const;
