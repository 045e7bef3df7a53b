// My own affairs: profile, password, PIN, sessions, API keys. Each act says how it went.

import * as house from '$lib/api/house';
import { reason } from '$lib/api/client';
import { session } from '$lib/state/session.svelte';
import { toasts } from '$lib/state/toasts.svelte';
import { t, type Key } from '$lib/text/t';

export class Account {
	sessions = $state.raw<house.Session[]>([]);
	keys = $state.raw<house.ApiKey[]>([]);
	status = $state.raw<house.AuthStatus | null>(null);
	/** A new key's secret, shown until the page is left and never again. */
	secret = $state<string | null>(null);

	async read() {
		await this.attempt(async () => {
			[this.sessions, this.keys, this.status] = await Promise.all([house.sessions(), house.apiKeys(), house.authStatus()]);
		});
	}

	rename = (name: string, email: string) =>
		this.attempt(async () => {
			session.user = await house.rename({ name, email });
		}, 'account_saved');

	changePassword = (password: string, next: string) =>
		this.attempt(async () => {
			await house.changePassword(password, next);
			this.sessions = await house.sessions();
		}, 'account_password_changed');

	setPortrait = (file: File) =>
		this.attempt(async () => {
			const { profileImagePath, profileChangedAt } = await house.uploadPortrait(file);
			if (session.user) session.user = { ...session.user, profileImagePath, profileChangedAt };
		}, 'account_saved');

	removePortrait = () =>
		this.attempt(async () => {
			await house.removePortrait();
			if (session.user) session.user = { ...session.user, profileImagePath: '' };
		}, 'account_saved');

	setPin = (next: string, current: string) =>
		this.attempt(async () => {
			if (this.status?.pinCode) await house.changePin(next, current);
			else await house.createPin(next);
			this.status = await house.authStatus();
		}, 'account_saved');

	removePin = (password: string) =>
		this.attempt(async () => {
			await house.removePin(password);
			this.status = await house.authStatus();
			session.isElevated = false;
		}, 'account_saved');

	endSession = (id: string) =>
		this.attempt(async () => {
			await house.endSession(id);
			this.sessions = this.sessions.filter((each) => each.id !== id);
		}, 'session_ended');

	endOthers = () =>
		this.attempt(async () => {
			await house.endOtherSessions();
			this.sessions = await house.sessions();
		}, 'session_ended');

	createKey = (name: string, permissions: string[]) =>
		this.attempt(async () => {
			const { secret, apiKey } = await house.createApiKey(name, permissions);
			this.secret = secret;
			this.keys = [apiKey, ...this.keys];
		});

	removeKey = (id: string) =>
		this.attempt(async () => {
			await house.removeApiKey(id);
			this.keys = this.keys.filter((each) => each.id !== id);
		}, 'key_removed');

	private async attempt(act: () => Promise<void>, said?: Key): Promise<boolean> {
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
