// The first screen of the timeline in one question: the page's head asked it already (a preload), this takes the answer.

import * as house from '$lib/api/house';
import { photosOf, WALLS } from './source';
import { wall } from './timeline.svelte';

/** Who asks, and the newest months put on the wall. Rejects as any question does. */
export async function askOpening(): Promise<house.Opening> {
	const opening = await house.opening();
	const { months, first } = opening;
	wall(WALLS.photos).begin(
		months.map(({ timeBucket, count }) => ({ key: timeBucket, count })),
		first && { key: first.timeBucket, photos: photosOf(first.columns) }
	);
	return opening;
}
