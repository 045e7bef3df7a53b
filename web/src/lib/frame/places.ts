// Where one can go: for the rail, the palette and the `g` keys. Only places that exist.

import type { Key } from '$lib/text/t';
import type { IconName } from '$lib/ui/icons';

export type Destination = { href: string; label: Key; icon: IconName; key: string | null; isForAdmins: boolean };

const place = (href: string, label: Key, icon: IconName, key: string | null = null, isForAdmins = false): Destination => ({
	href,
	label,
	icon,
	key,
	isForAdmins
});

export const PLACES: Destination[] = [
	place('/photos', 'nav_photos', 'photos', 'p'),
	place('/search', 'nav_search', 'search', 's'),
	place('/people', 'nav_people', 'users', 'e'),
	place('/favorites', 'nav_favorites', 'heart', 'f'),
	place('/archive', 'nav_archive', 'archive', 'a'),
	place('/trash', 'nav_trash', 'trash', 't'),
	place('/locked', 'nav_locked', 'lock', 'l')
];

/** Those that stand under the thumb on a phone; the others are in the library. */
export const UNDER_THUMB = ['/photos', '/search', '/favorites'];

export const HOUSE: Destination[] = [
	place('/duplicates', 'nav_duplicates', 'stack', 'd'),
	place('/account', 'nav_account', 'user', 'c'),
	place('/admin', 'nav_admin', 'gear', null, true)
];

export const isHere = (path: string, href: string): boolean => path === href || path.startsWith(`${href}/`);
