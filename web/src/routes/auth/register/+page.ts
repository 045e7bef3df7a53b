import { redirect } from '@sveltejs/kit';
import { session } from '$lib/state/session.svelte';

export async function load(): Promise<void> {
	await session.readServer();
	if (session.config?.isInitialized) redirect(307, '/photos');
}
