// How full it is: the person's quota where there is one, else the disk the photos live on.

import * as house from '$lib/api/house';
import { ApiError } from '$lib/api/client';
import { session } from './session.svelte';

class StorageUse {
	size = $state(0);
	used = $state(0);

	async read() {
		try {
			const disk = await house.storage();
			const quota = session.user?.quotaSizeInBytes ?? null;
			this.size = quota ?? disk.diskSizeRaw;
			this.used = quota === null ? disk.diskUseRaw : (session.user?.quotaUsageInBytes ?? 0);
		} catch (thrown) {
			// The meter is left out while the storage is away; the banner tells why.
			if (!(thrown instanceof ApiError)) throw thrown;
		}
	}
}

export const storage = new StorageUse();
