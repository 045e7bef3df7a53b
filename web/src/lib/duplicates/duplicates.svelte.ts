// The groups still to be decided, and what was decided on this visit.

import * as api from '$lib/api/duplicates';
import type { Group } from '$lib/api/duplicates';
import { isAbort, reason } from '$lib/api/client';
import { eachWall } from '$lib/grid/timeline.svelte';
import { toasts } from '$lib/state/toasts.svelte';
import { t } from '$lib/text/t';

export class Duplicates {
	groups = $state.raw<Group[]>([]);
	isReady = $state(false);
	isBusy = $state(false);
	trouble = $state<string | null>(null);
	private asking: AbortController | null = null;

	async read(): Promise<void> {
		this.asking?.abort();
		const asking = (this.asking = new AbortController());
		try {
			this.groups = await api.groups(asking.signal);
			this.isReady = true;
			this.trouble = null;
		} catch (thrown) {
			if (!isAbort(thrown)) this.trouble = reason(thrown);
		}
	}

	/** Keeps these of the group and throws the others away; all of them kept means they are no duplicates. */
	async keep(group: Group, kept: ReadonlySet<string>): Promise<void> {
		const ids = group.assets.map((asset) => asset.id);
		const trashed = ids.filter((id) => !kept.has(id));
		await this.deciding(async () => {
			if (trashed.length === 0) {
				await api.dismiss([group.duplicateId]);
				toasts.say(t('duplicates_dismissed'));
			} else {
				const [outcome] = await api.resolve([{ duplicateId: group.duplicateId, keepAssetIds: ids.filter((id) => kept.has(id)), trashAssetIds: trashed }]);
				if (!outcome?.success) throw new Error(outcome?.errorMessage ?? t('duplicates_failed'));
				eachWall((wall) => wall.removePhotos(new Set(trashed)));
				toasts.undoable(t('did_trash', { n: trashed.length }), () => this.undo([group.duplicateId]));
			}
			this.groups = this.groups.filter((each) => each !== group);
		});
	}

	/** Takes the server's suggestion in every group that has one. */
	async keepSuggested(groups: readonly Group[]): Promise<void> {
		await this.deciding(async () => {
			const outcomes = await api.resolve(
				groups.map((group) => ({
					duplicateId: group.duplicateId,
					keepAssetIds: group.suggestedKeepAssetIds,
					trashAssetIds: group.assets.map((asset) => asset.id).filter((id) => !group.suggestedKeepAssetIds.includes(id))
				}))
			);
			const done = new Set(outcomes.filter((each) => each.success).map((each) => each.id));
			toasts.undoable(t('duplicates_decided', { n: done.size }), () => this.undo([...done]));
			this.groups = this.groups.filter((group) => !done.has(group.duplicateId));
			eachWall((wall) => wall.refreshSoon());
		});
	}

	close() {
		this.asking?.abort();
	}

	private async undo(groups: readonly string[]) {
		try {
			for (const group of groups) await api.undo(group);
		} catch (thrown) {
			toasts.problem(reason(thrown));
		}
		eachWall((wall) => wall.refreshSoon());
		await this.read();
	}

	private async deciding(act: () => Promise<void>) {
		this.isBusy = true;
		try {
			await act();
		} catch (thrown) {
			toasts.problem(reason(thrown));
			await this.read();
		} finally {
			this.isBusy = false;
		}
	}
}
