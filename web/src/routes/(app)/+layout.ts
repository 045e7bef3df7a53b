import { error, redirect } from '@sveltejs/kit';
import { ApiError, reason } from '$lib/api/client';
import { session } from '$lib/state/session.svelte';

export async function load({ url }): Promise<void> {
	if (session.user) return;
	try {
		await session.recognise();
	} catch (thrown) {
		error(thrown instanceof ApiError && thrown.status ? thrown.status : 503, reason(thrown));
	}
	if (session.user) return;
	if (session.config && !session.config.isInitialized) redirect(307, '/auth/register');
	redirect(307, `/auth/login?continue=${encodeURIComponent(url.pathname + url.search)}`);
}
