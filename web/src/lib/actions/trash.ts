// The whole trash at once.

import * as assets from '$lib/api/assets';
import { reason } from '$lib/api/client';
import { WALLS } from '$lib/grid/source';
import { eachWall, wall } from '$lib/grid/timeline.svelte';
import { toasts } from '$lib/state/toasts.svelte';
import { t } from '$lib/text/t';
import { confirmed } from '$lib/ui/confirm.svelte';

export async function emptyTrash() {
	const count = wall(WALLS.trash).photoCount;
	if (!(await confirmed(t('ask_empty', { n: count }), t('trash_empty_all')))) return;
	await attempt(async () => toasts.say(t('did_erase', { n: (await assets.emptyTrash()).count })));
}

export async function restoreTrash() {
	await attempt(async () => toasts.say(t('did_restore', { n: (await assets.restoreAll()).count })));
}

async function attempt(act: () => Promise<void>) {
	try {
		await act();
	} catch (thrown) {
		toasts.problem(reason(thrown));
	}
	eachWall((each) => void each.refresh());
}
