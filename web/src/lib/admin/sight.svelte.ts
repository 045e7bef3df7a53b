// Who looks at pictures, with which models, and how far they are; and the choice of another model.

import * as house from '$lib/api/house';
import { ApiError, isAbort, reason } from '$lib/api/client';
import { toasts } from '$lib/state/toasts.svelte';
import { t } from '$lib/text/t';
import type { Admin } from './admin.svelte';
import { write } from './fields';
import { ASKED, merged, pauseMs, type Step } from './models';

export class Sight {
	seeing = $state.raw<house.Seeing | null>(null);
	trouble = $state<string | null>(null);
	isChanging = $state(false);
	readonly models = $derived(merged(this.seeing?.stations ?? []));

	/** Looks again and again until the answer is called. */
	follow(): () => void {
		let timer: ReturnType<typeof setTimeout> | undefined;
		let isStopped = false;
		const look = async () => {
			if (document.visibilityState === 'visible') await this.read();
			if (!isStopped) timer = setTimeout(look, pauseMs(this.seeing));
		};
		void look();
		return () => {
			isStopped = true;
			clearTimeout(timer);
		};
	}

	async read() {
		try {
			this.seeing = await house.seeing();
			this.trouble = null;
		} catch (thrown) {
			if (!isAbort(thrown)) this.trouble = reason(thrown);
		}
	}

	/** From now on `name` is asked. What was seen stays in use until it has been looked at again. */
	async choose(step: Step['step'], name: string, admin: Admin) {
		const { path, queue } = ASKED[step];
		this.isChanging = true;
		try {
			// Somebody else may have changed something since the page was opened.
			admin.settings = await house.saveSettings(write(await house.settings(), path, name));
			toasts.say((await this.begin(step, queue)) ? t('model_changed', { name }) : t('model_changed_busy', { name }));
			await this.read();
		} catch (thrown) {
			toasts.problem(reason(thrown));
		} finally {
			this.isChanging = false;
		}
	}

	/** Whether the photos are on their way to the new model. */
	private async begin(step: Step['step'], queue: string): Promise<boolean> {
		try {
			// Embeddings are missed by the sweep itself; faces and text are there already, from the model before.
			if (step === 'faces') await house.lookAgain(queue);
			if (step === 'text') await house.startQueue(queue, true);
			return true;
		} catch (thrown) {
			// The queue is in the middle of its work, and can be started by hand after it.
			if (thrown instanceof ApiError && thrown.status === 400) return false;
			throw thrown;
		}
	}
}
