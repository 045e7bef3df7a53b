// The app on a device: its service worker, a newer version that waits for a good moment, and the offer to install it.

import { dev } from '$app/environment';

const REGISTER_AFTER_MS = 2_000;
const LOOK_MS = 60 * 60 * 1000;

type InstallPrompt = Event & { prompt(): Promise<{ outcome: 'accepted' | 'dismissed' }> };

class Installation {
	/** A newer version is here and starts as soon as a person lets it. */
	hasUpdate = $state(false);
	canInstall = $state(false);
	private waiting: ServiceWorker | null = null;
	private asking: InstallPrompt | null = null;
	private isTakingOver = false;

	/** Registers the worker once the first photos are up; the answer stops looking for newer versions. */
	begin(): () => void {
		const offered = (event: Event) => {
			event.preventDefault();
			this.asking = event as InstallPrompt;
			this.canInstall = true;
		};
		addEventListener('beforeinstallprompt', offered);
		let timer: ReturnType<typeof setTimeout> | undefined;
		if (!dev && 'serviceWorker' in navigator) timer = setTimeout(() => void this.register(), REGISTER_AFTER_MS);
		return () => {
			removeEventListener('beforeinstallprompt', offered);
			clearTimeout(timer);
		};
	}

	/** Starts the newer version. A page with uploads under way asks first, as it does before it is closed. */
	takeOver() {
		this.isTakingOver = true;
		this.waiting?.postMessage('take over');
	}

	async install() {
		const answer = await this.asking?.prompt();
		if (answer?.outcome === 'accepted') this.canInstall = false;
	}

	private async register() {
		try {
			const registration = await navigator.serviceWorker.register('/service-worker.js');
			this.watch(registration);
			setInterval(() => void registration.update().catch(() => undefined), LOOK_MS);
		} catch {
			// Not over https, or refused by the browser: the app works all the same, only not offline.
			return;
		}
		navigator.serviceWorker.addEventListener('controllerchange', () => {
			if (this.isTakingOver) location.reload();
		});
	}

	private watch(registration: ServiceWorkerRegistration) {
		const ready = (worker: ServiceWorker) => {
			// Without a controller it is the first version of all, and nothing waits for it.
			if (!navigator.serviceWorker.controller) return;
			this.waiting = worker;
			this.hasUpdate = true;
		};
		if (registration.waiting) ready(registration.waiting);
		registration.addEventListener('updatefound', () => {
			const worker = registration.installing;
			worker?.addEventListener('statechange', () => {
				if (worker.state === 'installed') ready(worker);
			});
		});
	}
}

export const installation = new Installation();
