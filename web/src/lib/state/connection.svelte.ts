// Whether the server and its photo storage can be reached. Knows nothing about what was asked.

type Away = { sentence: string; retryAt: number };

class Connection {
	isOffline = $state(false);
	away = $state.raw<Away | null>(null);
	/** Set by whoever owns the session; called when the server no longer knows us. */
	onRefused: (sentence: string) => void = () => {};

	lost() {
		this.isOffline = true;
	}

	reached() {
		this.isOffline = false;
	}

	refused(sentence: string) {
		this.onRefused(sentence);
	}

	storageAway(sentence: string, retryAfterSeconds: number | null) {
		this.away = { sentence, retryAt: Date.now() + (retryAfterSeconds ?? 30) * 1000 };
	}

	storageBack() {
		this.away = null;
	}
}

export const connection = new Connection();
