// What is searched for, as the page's address tells it and as the server wants it.

import type { Filters } from '$lib/api/assets';
import type { Narrowing } from '$lib/api/search';

/** Everything at once, or only words of one kind. */
export const FIELDS = ['all', 'text', 'description', 'file'] as const;
export type Field = (typeof FIELDS)[number];

/** The address keys. Empty values are left out of the address. */
export type Wish = {
	q: string;
	/** The photo that others shall look like. */
	like: string;
	in: Field;
	type: '' | 'IMAGE' | 'VIDEO';
	country: string;
	city: string;
	make: string;
	model: string;
	from: string;
	to: string;
	rating: string;
	favorite: string;
	archived: string;
};

export const NO_WISH: Wish = {
	q: '', like: '', in: 'all', type: '', country: '', city: '', make: '', model: '', from: '', to: '', rating: '', favorite: '', archived: ''
};

export function fromAddress(search: URLSearchParams): Wish {
	const wish: Record<string, string> = { ...NO_WISH };
	for (const key of Object.keys(NO_WISH)) {
		const value = search.get(key);
		if (value !== null) wish[key] = value;
	}
	if (!FIELDS.some((field) => field === wish.in)) wish.in = 'all';
	if (wish.type !== 'IMAGE' && wish.type !== 'VIDEO') wish.type = '';
	return wish as Wish;
}

export function toAddress(wish: Wish): string {
	const search = new URLSearchParams();
	for (const [key, value] of Object.entries(wish)) {
		if (value && value !== NO_WISH[key as keyof Wish]) search.set(key, value);
	}
	const text = search.toString();
	return text && `?${text}`;
}

/** Null while nothing is asked for: an empty search is not "everything". Words are looked for where `in` says. */
export function toFilters(wish: Wish): Filters | null {
	if (isBlank(wish)) return null;
	const words = wish.q.trim();
	return { ...narrowing(wish), withExif: true, order: 'desc', ...(words && { [FILTER_OF[wish.in]]: words }) } as Filters;
}

const FILTER_OF: Record<Field, 'originalFileName' | 'description' | 'ocr'> = { file: 'originalFileName', description: 'description', all: 'description', text: 'ocr' };

export const isBlank = (wish: Wish) => toAddress({ ...wish, in: 'all' }) === '';

/** True when the best come first, and not the newest. */
export const isRanked = (wish: Wish) => wish.like !== '' || (wish.in === 'all' && wish.q.trim() !== '');

/** Everything asked for but the words and the photo. */
export function narrowing(wish: Wish): Narrowing {
	const filters: Partial<Narrowing> = {};
	if (wish.type) filters.type = wish.type;
	if (wish.country) filters.country = wish.country;
	if (wish.city) filters.city = wish.city;
	if (wish.make) filters.make = wish.make;
	if (wish.model) filters.model = wish.model;
	if (isDay(wish.from)) filters.takenAfter = `${wish.from}T00:00:00.000Z`;
	if (isDay(wish.to)) filters.takenBefore = `${wish.to}T23:59:59.999Z`;
	if (/^[1-5]$/.test(wish.rating)) filters.rating = Number(wish.rating);
	if (wish.favorite) filters.isFavorite = true;
	filters.visibility = wish.archived ? 'archive' : 'timeline';
	return filters as Narrowing;
}

const isDay = (text: string) => /^\d{4}-\d\d-\d\d$/.test(text) && !Number.isNaN(Date.parse(text));
