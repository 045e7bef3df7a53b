import { redirect } from '@sveltejs/kit';
import { session } from '$lib/state/session.svelte';

export async function load({ parent }): Promise<void> {
	const { isAway } = await parent();
	if (!isAway && !session.user?.isAdmin) redirect(307, '/photos');
}
