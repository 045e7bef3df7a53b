import { error, redirect } from '@sveltejs/kit';
import { ApiError, reason } from '$lib/api/client';
import { askOpening } from '$lib/grid/opening';
import { session } from '$lib/state/session.svelte';

/** `isAway`: nobody could be asked who we are; the frame shows that until somebody can. */
export async function load({ url }): Promise<{ isAway: boolean }> {
	const here = encodeURIComponent(url.pathname + url.search);
	if (!session.user) {
		// Most visits are a signed-in person's to the timeline: its first screen is asked for together with who they are.
		const isWall = /^\/(photos\b|$)/.test(url.pathname) && document.cookie.includes('immich_is_authenticated=true');
		try {
			await session.recognise(isWall ? askOpening() : undefined);
		} catch (thrown) {
			if (thrown instanceof ApiError && (thrown.isOffline || thrown.status >= 502)) return { isAway: true };
			error(thrown instanceof ApiError && thrown.status ? thrown.status : 503, reason(thrown));
		}
	}
	if (session.mustChangePassword) redirect(307, `/auth/change-password?continue=${here}`);
	if (session.user) return { isAway: false };
	if (session.config && !session.config.isInitialized) redirect(307, '/auth/register');
	redirect(307, `/auth/login?continue=${here}`);
}
