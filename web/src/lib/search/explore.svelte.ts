// Ways to begin, when nothing is asked for yet: people with names, places, what came last.

import { explore, thumbnail, type Asset } from '$lib/api/assets';
import { people, type Person } from '$lib/api/people';
import { isAbort } from '$lib/api/client';

const MOST_PEOPLE = 12;

class Beginnings {
	people = $state.raw<Person[]>([]);
	places = $state.raw<{ name: string; picture: string }[]>([]);

	async read(signal: AbortSignal): Promise<void> {
		try {
			const [found, groups] = await Promise.all([people(1, false, signal), explore(signal)]);
			this.people = found.people.slice(0, MOST_PEOPLE);
			this.places = (groups.find((group) => group.fieldName === 'exifInfo.city')?.items ?? []).map(({ value, data }) => ({ name: value, picture: pictureOf(data) }));
		} catch (thrown) {
			// The box still searches.
			if (!isAbort(thrown)) this.people = [];
		}
	}
}

const pictureOf = (asset: Asset) => thumbnail(asset.id, asset.thumbhash);

export const beginnings = new Beginnings();
