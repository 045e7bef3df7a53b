// Who I am, what the server can do, and the live line to it.

import { goto } from '$app/navigation';
import * as house from '$lib/api/house';
import { ApiError } from '$lib/api/client';
import { LiveSocket } from '$lib/api/socket';
import { restyle } from './theme.svelte';
import { connection } from './connection.svelte';

class Session {
	user = $state.raw<house.User | null>(null);
	config = $state.raw<house.ServerConfig | null>(null);
	features = $state.raw<house.Features | null>(null);
	isElevated = $state(false);
	isLive = $state(false);
	/** Called when a person leaves: whatever was theirs is forgotten. */
	onGone: () => void = () => {};
	readonly live = new LiveSocket((isUp) => (this.isLive = isUp));

	constructor() {
		connection.onRefused = (sentence) => {
			// The locked folder asks for a PIN with the same status; that page answers it itself.
			if (sentence.startsWith('Elevated')) this.isElevated = false;
			else void this.gone();
		};
		this.live.on('on_session_delete', () => void this.gone());
		this.live.on('on_config_update', () => {
			restyle();
			void this.readServer();
		});
	}

	/** Somebody else chose their password. Who set the server up chose their own, and is marked all the same. */
	get mustChangePassword(): boolean {
		return this.user !== null && this.user.shouldChangePassword && !this.user.isAdmin;
	}

	/**
	 * Who is signed in; null when nobody is. Throws when the server cannot be asked. `opening` answers it together with
	 * the timeline, where somebody asked for that.
	 */
	async recognise(opening?: Promise<house.Opening>): Promise<house.User | null> {
		try {
			if (opening) ({ user: this.user, config: this.config, features: this.features } = await opening);
			else [this.user] = await Promise.all([house.me(), this.readServer()]);
			this.live.open();
		} catch (thrown) {
			if (!(thrown instanceof ApiError) || thrown.status !== 401) throw thrown;
			this.user = null;
			if (!this.config) await this.readServer();
		}
		return this.user;
	}

	async readServer() {
		[this.config, this.features] = await Promise.all([house.config(), house.features()]);
	}

	async signIn(email: string, password: string) {
		await house.login(email, password);
		await this.recognise();
	}

	async changePassword(current: string, next: string) {
		await house.changePassword(current, next);
		// Only setting it on oneself takes the mark away that somebody else set the one before.
		this.user = await house.setPassword(next);
	}

	async signOut() {
		await house.logout();
		await this.gone();
	}

	/** The server ended our session. */
	private async gone() {
		if (/^\/auth\/(login|register)/.test(location.pathname)) return;
		this.live.close();
		this.user = null;
		this.onGone();
		const back = location.pathname.startsWith('/auth/') ? '/photos' : location.pathname + location.search;
		await goto(`/auth/login?continue=${encodeURIComponent(back)}`);
	}
}

export const session = new Session();
