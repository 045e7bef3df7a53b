import { error, redirect } from '@sveltejs/kit';
import { ApiError, reason } from '$lib/api/client';
import { WALLS } from '$lib/grid/source';
import { wall } from '$lib/grid/timeline.svelte';
import { session } from '$lib/state/session.svelte';

export async function load({ url }): Promise<void> {
	if (session.user) return;
	// Most visits are a signed-in person's to the timeline: its months are asked for together with who they are.
	if (/^\/(photos\b|$)/.test(url.pathname) && document.cookie.includes('immich_is_authenticated=true')) void wall(WALLS.photos).refresh();
	try {
		await session.recognise();
	} catch (thrown) {
		error(thrown instanceof ApiError && thrown.status ? thrown.status : 503, reason(thrown));
	}
	if (session.user) return;
	if (session.config && !session.config.isInitialized) redirect(307, '/auth/register');
	redirect(307, `/auth/login?continue=${encodeURIComponent(url.pathname + url.search)}`);
}
