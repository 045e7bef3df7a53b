// Everybody found in the photos, as the people page shows them.

import { isAbort, reason } from '$lib/api/client';
import * as api from '$lib/api/people';
import type { Outcome, Person, PersonChanges } from '$lib/api/people';
import { eachWall } from '$lib/grid/timeline.svelte';

export class People {
	all = $state.raw<Person[]>([]);
	hidden = $state(0);
	isReady = $state(false);
	showsHidden = $state(false);
	hasMore = $state(false);
	trouble = $state<string | null>(null);
	chosen = $state.raw<ReadonlySet<string>>(new Set());
	private page = 0;
	private asking: AbortController | null = null;

	/** Reads from the start; what is on screen stays until the answer is here. */
	async read(): Promise<void> {
		this.page = 0;
		await this.more();
	}

	async more(): Promise<void> {
		this.asking?.abort();
		const asking = (this.asking = new AbortController());
		try {
			const found = await api.people(this.page + 1, this.showsHidden, asking.signal);
			this.all = this.page === 0 ? found.people : [...this.all, ...found.people];
			this.hidden = found.hidden;
			this.hasMore = found.hasNextPage;
			this.page += 1;
			this.isReady = true;
			this.trouble = null;
		} catch (thrown) {
			if (!isAbort(thrown)) this.trouble = reason(thrown);
		}
	}

	async change(who: Person, changes: PersonChanges): Promise<void> {
		const changed = await api.changePerson(who.id, changes);
		this.all = this.all.map((each) => (each.id === who.id ? changed : each));
	}

	async hide(ids: string[], isHidden: boolean): Promise<void> {
		const outcomes = await api.changePeople(ids, { isHidden });
		this.chosen = new Set();
		await this.read();
		mustSucceed(outcomes);
	}

	/** Whom everybody chosen becomes: the one who has a name, or else the first of them. */
	get keeper(): Person | undefined {
		const them = this.all.filter((each) => this.chosen.has(each.id));
		return them.find((each) => each.name) ?? them[0];
	}

	/** Everybody chosen becomes the keeper. */
	async merge(): Promise<void> {
		const { keeper } = this;
		if (!keeper) return;
		await join(keeper, this.all.filter((each) => each !== keeper && this.chosen.has(each.id)));
		this.chosen = new Set();
		await this.read();
	}

	choose(id: string) {
		const chosen = new Set(this.chosen);
		if (!chosen.delete(id)) chosen.add(id);
		this.chosen = chosen;
	}

	close() {
		this.asking?.abort();
	}
}

/** Merges, and says so when one of them could not be. */
export async function join(keeper: Person, others: readonly Person[]): Promise<void> {
	const outcomes = await api.mergeInto(keeper.id, others.map((each) => each.id));
	for (const other of others) eachWall((wall) => wall.source.name === `person:${other.id}` && wall.refreshSoon());
	mustSucceed(outcomes);
}

function mustSucceed(outcomes: readonly Outcome[]) {
	const failed = outcomes.find((each) => !each.success);
	if (failed) throw new Error(failed.error ?? 'unknown');
}

/** Somebody else with this very name: the same person, most likely. */
export async function namesake(name: string, than: string): Promise<Person | null> {
	const wanted = name.trim().toLocaleLowerCase();
	const found = await api.peopleCalled(name.trim());
	return found.find((each) => each.id !== than && each.name.toLocaleLowerCase() === wanted) ?? null;
}
