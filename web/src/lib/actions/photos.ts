// What one can do with photos: one object each, used by the selection bar, the viewer and the keyboard alike.

import { goto } from '$app/navigation';
import * as assets from '$lib/api/assets';
import { reason } from '$lib/api/client';
import type { Photo } from '$lib/grid/photo';
import { changePerson, createPerson, reassign } from '$lib/api/people';
import { frame } from '$lib/frame/frame.svelte';
import { eachWall } from '$lib/grid/timeline.svelte';
import { selection } from '$lib/state/selection.svelte';
import { session } from '$lib/state/session.svelte';
import { toasts } from '$lib/state/toasts.svelte';
import { t, type Key } from '$lib/text/t';
import type { IconName } from '$lib/ui/icons';
import { confirmed } from '$lib/ui/confirm.svelte';
import { download } from './download';

export type Action = {
	name: string;
	label: Key;
	icon: IconName;
	key: string | null;
	may: (photos: readonly Photo[], wall: string) => boolean;
	run: (photos: readonly Photo[]) => Promise<void>;
};

const isMine = (photos: readonly Photo[]) => photos.every((photo) => photo.ownerId === session.user?.id);
const isOn = (...walls: string[]) => (_: readonly Photo[], wall: string) => walls.includes(wall.replace(/:.*/, ''));
const idsOf = (photos: readonly Photo[]) => photos.map((photo) => photo.id);

type Change = { isFavorite?: boolean; visibility?: assets.Visibility; isTrashed?: boolean };

/** Shows the change on every wall at once; a wall where the photos no longer belong lets them go. */
function show(ids: readonly string[], change: Change) {
	const set = new Set(ids);
	eachWall((wall) => {
		if (!wall.source.keeps(change)) wall.hide(set);
		else {
			const { isFavorite, isTrashed } = change;
			if (isFavorite !== undefined) wall.patch(set, { isFavorite });
			if (isTrashed !== undefined) wall.patch(set, { isTrashed });
		}
	});
}

/** Changes at once, asks the server, takes it back when the server refuses, and offers the way back. */
async function perform(photos: readonly Photo[], change: Change, ask: (ids: string[]) => Promise<unknown>, back: Back | null, said: Key) {
	const ids = idsOf(photos);
	selection.clear();
	show(ids, change);
	const settle = () =>
		eachWall((wall) => {
			wall.settle(new Set(ids));
			wall.refreshSoon(photos.map((photo) => wall.monthKey(photo)), 0);
		});
	try {
		await ask(ids);
	} catch (thrown) {
		toasts.problem(reason(thrown));
		settle();
		return;
	}
	settle();
	const text = t(said, { n: ids.length });
	if (!back) return toasts.say(text);
	toasts.undoable(text, async () => {
		try {
			await back.ask(ids);
			if (back.change.isFavorite !== undefined) show(ids, back.change);
		} catch (thrown) {
			toasts.problem(reason(thrown));
		}
		settle();
	});
}

type Back = { change: Change; ask: (ids: string[]) => Promise<unknown> };

/** On a person's wall: who they are. */
const personHere = () => frame.wall.split(':')[1] ?? '';

/** The faces in these photos become those of somebody new, without a name. */
async function takeOut(photos: readonly Photo[]) {
	const ids = idsOf(photos);
	const from = personHere();
	selection.clear();
	try {
		const other = await createPerson('');
		await reassign(other.id, from, ids);
		eachWall((wall) => wall.source.name === `person:${from}` && wall.removePhotos(new Set(ids)));
		toasts.undoable(t('did_not_person', { n: ids.length }), async () => {
			await reassign(from, other.id, ids).catch((thrown: unknown) => toasts.problem(reason(thrown)));
			eachWall((wall) => wall.source.name === `person:${from}` && wall.refreshSoon([], 0));
		});
	} catch (thrown) {
		toasts.problem(reason(thrown));
	}
}

async function portray([photo]: readonly Photo[]) {
	if (!photo) return;
	selection.clear();
	try {
		await changePerson(personHere(), { featureFaceAssetId: photo.id });
		toasts.say(t('did_portrait'));
	} catch (thrown) {
		toasts.problem(reason(thrown));
	}
}

const setVisibility = (visibility: assets.Visibility) => (ids: string[]) => assets.changeMany(ids, { visibility });
const setFavorite = (isFavorite: boolean) => (ids: string[]) => assets.changeMany(ids, { isFavorite });
const move = (to: assets.Visibility, from: assets.Visibility, said: Key) => (photos: readonly Photo[]) =>
	perform(photos, { visibility: to }, setVisibility(to), { change: { visibility: from }, ask: setVisibility(from) }, said);

export const ACTIONS: Action[] = [
	{
		name: 'favorite', label: 'do_favorite', icon: 'heart', key: 'f',
		may: (photos, wall) => isMine(photos) && !isOn('trash', 'locked')(photos, wall),
		run: (photos) => {
			const wanted = !photos.every((photo) => photo.isFavorite);
			const back = { change: { isFavorite: !wanted }, ask: setFavorite(!wanted) };
			return perform(photos, { isFavorite: wanted }, setFavorite(wanted), back, wanted ? 'did_favorite' : 'did_unfavorite');
		}
	},
	{
		name: 'archive', label: 'do_archive', icon: 'archive', key: 'a',
		may: (photos, wall) => isMine(photos) && isOn('photos', 'favorites', 'search', 'person')(photos, wall),
		run: move('archive', 'timeline', 'did_archive')
	},
	{
		name: 'unarchive', label: 'do_unarchive', icon: 'restore', key: 'a',
		may: (photos, wall) => isMine(photos) && isOn('archive')(photos, wall),
		run: move('timeline', 'archive', 'did_unarchive')
	},
	{ name: 'download', label: 'do_download', icon: 'download', key: 'd', may: () => true, run: (photos) => download(idsOf(photos)) },
	{
		name: 'alike', label: 'do_alike', icon: 'alike', key: 'm',
		may: (photos, wall) => photos.length === 1 && !isOn('locked', 'trash')(photos, wall),
		run: async ([photo]) => {
			selection.clear();
			if (photo) await goto(`/search?like=${photo.id}`);
		}
	},
	{ name: 'portrait', label: 'do_portrait', icon: 'user', key: null, may: (photos, wall) => photos.length === 1 && isOn('person')(photos, wall), run: portray },
	{ name: 'takeOut', label: 'do_not_person', icon: 'users', key: null, may: isOn('person'), run: takeOut },
	{
		name: 'lock', label: 'do_lock', icon: 'lock', key: null,
		may: (photos, wall) => isMine(photos) && !isOn('locked', 'trash')(photos, wall),
		run: (photos) => perform(photos, { visibility: 'locked' }, setVisibility('locked'), null, 'did_lock')
	},
	{
		name: 'unlock', label: 'do_unlock', icon: 'unlock', key: null,
		may: isOn('locked'),
		run: move('timeline', 'locked', 'did_unlock')
	},
	{
		name: 'trash', label: 'do_trash', icon: 'trash', key: 'Delete',
		may: (photos, wall) => isMine(photos) && !isOn('trash')(photos, wall),
		run: (photos) => perform(photos, { isTrashed: true }, assets.trash, { change: { isTrashed: false }, ask: assets.restore }, 'did_trash')
	},
	{
		name: 'restore', label: 'do_restore', icon: 'restore', key: 'r',
		may: isOn('trash'),
		run: (photos) => perform(photos, { isTrashed: false }, assets.restore, { change: { isTrashed: true }, ask: assets.trash }, 'did_restore')
	},
	{
		name: 'erase', label: 'do_erase', icon: 'close', key: 'Delete',
		may: isOn('trash'),
		run: async (photos) => {
			if (!(await confirmed(t('ask_erase', { n: photos.length }), t('do_erase')))) return;
			const ids = idsOf(photos);
			eachWall((wall) => wall.removePhotos(new Set(ids)));
			await perform(photos, {}, assets.erase, null, 'did_erase');
		}
	}
];

export const isPossible = (action: Action, photos: readonly Photo[], wall: string): boolean =>
	photos.length > 0 && action.may(photos, wall);
