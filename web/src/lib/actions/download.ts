// Originals to this device: one as it is, several as archives that the server streams.

import * as assets from '$lib/api/assets';
import { reason } from '$lib/api/client';
import { toasts } from '$lib/state/toasts.svelte';
import { bytes, t } from '$lib/text/t';

/** An archive is held by the page until it is complete; larger ones are cut by the server. */
const ARCHIVE_BYTES = 1_000_000_000;

export async function download(ids: readonly string[]): Promise<void> {
	const [only] = ids;
	if (!only) return;
	if (ids.length === 1) return save(`${assets.original(only)}`, '');
	try {
		const { archives, totalSize } = await assets.archives([...ids], ARCHIVE_BYTES);
		toasts.say(t('download_started', { n: ids.length, size: bytes(totalSize) }));
		for (const [i, archive] of archives.entries()) {
			const blob = await assets.archive(archive.assetIds);
			const address = URL.createObjectURL(blob);
			save(address, archives.length > 1 ? `photos-${i + 1}.zip` : 'photos.zip');
			setTimeout(() => URL.revokeObjectURL(address), 60_000);
		}
	} catch (thrown) {
		toasts.problem(reason(thrown));
	}
}

function save(address: string, name: string) {
	const link = document.createElement('a');
	link.href = address;
	link.download = name;
	link.click();
}
