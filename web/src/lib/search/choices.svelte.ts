// What the filters can be set to: only what occurs in this person's photos.

import { suggestions } from '$lib/api/assets';
import { ApiError } from '$lib/api/client';
import type { Wish } from './filters';

class Choices {
	countries = $state.raw<string[]>([]);
	cities = $state.raw<string[]>([]);
	makes = $state.raw<string[]>([]);
	models = $state.raw<string[]>([]);
	private asked = '';

	async read(wish: Wish) {
		const question = `${wish.country}|${wish.make}`;
		if (this.asked === question) return;
		this.asked = question;
		try {
			const [countries, cities, makes, models] = await Promise.all([
				suggestions('country'),
				suggestions('city', wish.country ? { country: wish.country } : {}),
				suggestions('camera-make'),
				suggestions('camera-model', wish.make ? { make: wish.make } : {})
			]);
			this.countries = named(countries);
			this.cities = named(cities);
			this.makes = named(makes);
			this.models = named(models);
		} catch (thrown) {
			// The filters then offer nothing to pick; the words still search.
			this.asked = '';
			if (!(thrown instanceof ApiError)) throw thrown;
		}
	}
}

const named = (values: (string | null)[]) => values.filter((value) => value !== null && value !== '') as string[];

export const choices = new Choices();
