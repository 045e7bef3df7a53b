// The person whose page is open.

import { isAbort, reason } from '$lib/api/client';
import * as api from '$lib/api/people';
import type { Person, PersonChanges } from '$lib/api/people';

export class Someone {
	who = $state.raw<Person | null>(null);
	trouble = $state<string | null>(null);
	private asking: AbortController | null = null;

	async read(id: string): Promise<void> {
		this.asking?.abort();
		const asking = (this.asking = new AbortController());
		if (this.who?.id !== id) this.who = null;
		this.trouble = null;
		try {
			this.who = await api.person(id, asking.signal);
		} catch (thrown) {
			if (!isAbort(thrown)) this.trouble = reason(thrown);
		}
	}

	async change(changes: PersonChanges): Promise<void> {
		if (this.who) this.who = await api.changePerson(this.who.id, changes);
	}

	close() {
		this.asking?.abort();
	}
}
