// The administrator's view of the house: queues as they move, storage, people, settings, findings.

import * as house from '$lib/api/house';
import { isAbort, reason } from '$lib/api/client';
import { toasts } from '$lib/state/toasts.svelte';
import { t, type Key } from '$lib/text/t';
import { Rates } from './rates';

const LOOK_MS = 2_000;

const failedOf = (queues: readonly house.Queue[]): number => queues.reduce((sum, queue) => sum + queue.statistics.failed, 0);

export class Admin {
	queues = $state.raw<house.Queue[]>([]);
	disk = $state.raw<house.Storage | null>(null);
	statistics = $state.raw<house.Statistics | null>(null);
	users = $state.raw<house.User[]>([]);
	settings = $state.raw<house.Settings | null>(null);
	defaults = $state.raw<house.Settings | null>(null);
	health = $state.raw<house.Health | null>(null);
	failures = $state.raw<house.Failures | null>(null);
	history = $state.raw<house.History | null>(null);
	version = $state('');
	findings = $state.raw<house.Finding[] | null>(null);
	isDiagnosing = $state(false);
	readonly rates = new Rates();

	/** Reads everything once and then follows the queues until the answer is called. */
	follow(): () => void {
		void this.read();
		let timer: ReturnType<typeof setTimeout> | undefined;
		let isStopped = false;
		const look = async () => {
			if (document.visibilityState === 'visible') await this.lookAtQueues();
			if (!isStopped) timer = setTimeout(look, LOOK_MS);
		};
		void look();
		return () => {
			isStopped = true;
			clearTimeout(timer);
		};
	}

	private async lookAtQueues() {
		try {
			const queues = await house.queues();
			this.rates.look(queues);
			// More or fewer failures than a moment ago: the list is no longer the one on screen.
			const failed = failedOf(queues);
			if (this.failures && failed !== failedOf(this.queues)) this.failures = await house.failures();
			this.queues = queues;
		} catch (thrown) {
			// The offline banner says it already; the next look is due soon.
			if (isAbort(thrown)) return;
		}
	}

	async read() {
		// Each part stands for itself: a failing one leaves its own card empty and says why.
		await Promise.all([
			this.attempt(async () => (this.disk = await house.storage())),
			this.attempt(async () => (this.statistics = await house.statistics())),
			this.attempt(async () => (this.users = await house.users())),
			this.attempt(async () => ([this.settings, this.defaults] = await Promise.all([house.settings(), house.settingDefaults()]))),
			this.attempt(async () => (this.health = await house.health())),
			this.attempt(async () => (this.failures = await house.failures())),
			this.attempt(async () => (this.history = await house.history())),
			this.attempt(async () => {
				const { major, minor, patch } = await house.version();
				this.version = `${major}.${minor}.${patch}`;
			})
		]);
	}

	pause = (name: string, isPaused: boolean) => this.act(() => house.pauseQueue(name, isPaused));
	start = (name: string, force: boolean) => this.act(() => house.startQueue(name, force), 'queue_started');
	clear = (name: string, failed: boolean) => this.act(() => house.clearQueue(name, failed), 'queue_cleared');

	/** Those named, or everything that failed. */
	retry = (which: house.FailureRetry) =>
		this.attempt(async () => {
			const { count } = await house.retryFailures(which);
			toasts.say(t('failures_retried', { n: count }));
			this.failures = await house.failures();
			await this.lookAtQueues();
		});

	createUser = (user: Parameters<typeof house.createUser>[0]) =>
		this.attempt(async () => {
			const made = await house.createUser(user);
			this.users = [made, ...this.users];
		}, 'user_created');

	removeUser = (id: string) => this.attempt(async () => this.replaceUser(await house.removeUser(id)), 'user_removed');
	restoreUser = (id: string) => this.attempt(async () => this.replaceUser(await house.restoreUser(id)), 'user_restored');

	saveSettings = (tree: house.Settings) =>
		this.attempt(async () => (this.settings = await house.saveSettings(tree)), 'settings_saved');

	async diagnose() {
		this.isDiagnosing = true;
		await this.attempt(async () => (this.findings = await house.doctor()));
		this.isDiagnosing = false;
	}

	private replaceUser(changed: house.User) {
		this.users = this.users.map((each) => (each.id === changed.id ? changed : each));
	}

	private async act(ask: () => Promise<unknown>, said?: Key) {
		await this.attempt(ask, said);
		await this.lookAtQueues();
	}

	private async attempt(act: () => Promise<unknown>, said?: Key): Promise<boolean> {
		try {
			await act();
			if (said) toasts.say(t(said));
			return true;
		} catch (thrown) {
			toasts.problem(reason(thrown));
			return false;
		}
	}
}
