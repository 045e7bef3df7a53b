import { redirect } from '@sveltejs/kit';
import { safePath } from '$lib/state/paths';
import { session } from '$lib/state/session.svelte';

export async function load({ url }): Promise<void> {
	// Should the server be away, the form shows all the same and tells when it is sent.
	await session.recognise().catch(() => null);
	if (session.user) redirect(307, safePath(url.searchParams.get('continue'), url.href));
	if (session.config && !session.config.isInitialized) redirect(307, '/auth/register');
}
