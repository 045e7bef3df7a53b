// One photo as the wall knows it, and a month of them side by side as the server sends it.

import type { Asset, Columns } from '$lib/api/assets';
import { dayOf, wallClock } from '$lib/time';
import type { DayRun } from './layout';

export type Photo = {
	id: string;
	ownerId: string;
	ratio: number;
	thumbhash: string | null;
	isFavorite: boolean;
	isImage: boolean;
	isTrashed: boolean;
	livePhotoVideoId: string | null;
	projectionType: string | null;
	durationMs: number | null;
	stackCount: number;
	wallMs: number;
	city: string | null;
	country: string | null;
	/** Why a search found it; `note`, on the tile: what of it is more than its looks. */
	why?: string;
	note?: string;
};

export type Day = DayRun & { day: string; place: string | null };

export function photoAt(columns: Columns, i: number): Photo {
	return {
		id: columns.id[i] ?? '',
		ownerId: columns.ownerId[i] ?? '',
		ratio: columns.ratio[i] ?? 1,
		thumbhash: columns.thumbhash[i] ?? null,
		isFavorite: columns.isFavorite[i] ?? false,
		isImage: columns.isImage[i] ?? true,
		isTrashed: columns.isTrashed[i] ?? false,
		livePhotoVideoId: columns.livePhotoVideoId[i] ?? null,
		projectionType: columns.projectionType[i] ?? null,
		durationMs: columns.duration[i] ?? null,
		stackCount: Number(columns.stack?.[i]?.[1] ?? 0),
		wallMs: wallClock(columns.fileCreatedAt[i] ?? '', columns.localOffsetHours[i] ?? 0),
		city: columns.city?.[i] ?? null,
		country: columns.country?.[i] ?? null
	};
}

export function photoOf(asset: Asset): Photo {
	return {
		id: asset.id,
		ownerId: asset.ownerId,
		ratio: asset.width && asset.height ? asset.width / asset.height : 1,
		thumbhash: asset.thumbhash,
		isFavorite: asset.isFavorite,
		isImage: asset.type === 'IMAGE',
		isTrashed: asset.isTrashed,
		livePhotoVideoId: asset.livePhotoVideoId ?? null,
		projectionType: asset.exifInfo?.projectionType ?? null,
		durationMs: Number(asset.duration) || null,
		stackCount: 0,
		wallMs: Date.parse(asset.localDateTime),
		city: asset.exifInfo?.city ?? null,
		country: asset.exifInfo?.country ?? null
	};
}

/** Runs of one day each, with the place most of its photos were taken at. */
export function daysOf(photos: readonly Photo[]): Day[] {
	const days: Day[] = [];
	photos.forEach((photo, i) => {
		const day = dayOf(photo.wallMs);
		const last = days.at(-1);
		if (last?.day === day) last.to = i + 1;
		else days.push({ day, from: i, to: i + 1, place: null });
	});
	for (const day of days) day.place = commonPlace(photos, day);
	return days;
}

function commonPlace(photos: readonly Photo[], run: DayRun): string | null {
	const seen = new Map<string, number>();
	let best: string | null = null;
	for (let i = run.from; i < run.to; i++) {
		const place = photos[i]?.city ?? photos[i]?.country;
		if (!place) continue;
		const count = (seen.get(place) ?? 0) + 1;
		seen.set(place, count);
		if (!best || count > (seen.get(best) ?? 0)) best = place;
	}
	return best;
}
