// The steps of processing by the names people understand.

import type { Key } from '$lib/text/t';

export const STEPS: Record<string, Key> = {
	metadata: 'step_metadata',
	previews: 'step_previews',
	transcode: 'step_video',
	sidecar: 'step_sidecar',
	checksum: 'step_checksum',
	embedding: 'step_embedding',
	faces: 'step_faces',
	text: 'step_text'
};
