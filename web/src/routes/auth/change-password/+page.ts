import { redirect } from '@sveltejs/kit';
import { safePath } from '$lib/state/paths';
import { session } from '$lib/state/session.svelte';

export async function load({ url }): Promise<void> {
	if (!session.user) await session.recognise().catch(() => null);
	if (!session.user) redirect(307, `/auth/login?continue=${encodeURIComponent(url.pathname + url.search)}`);
	if (!session.mustChangePassword) redirect(307, safePath(url.searchParams.get('continue'), url.href));
}
