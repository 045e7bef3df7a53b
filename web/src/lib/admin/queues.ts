// The queues by the names people understand. `isMain` ones show even when quiet.

import type { Key } from '$lib/text/t';

type Known = { label: Key; isMain: boolean; canStart: boolean };

export const QUEUES: Record<string, Known> = {
	metadataExtraction: { label: 'queue_metadata', isMain: true, canStart: true },
	thumbnailGeneration: { label: 'queue_thumbnails', isMain: true, canStart: true },
	videoConversion: { label: 'queue_videos', isMain: true, canStart: true },
	sidecar: { label: 'queue_sidecar', isMain: true, canStart: true },
	backgroundTask: { label: 'queue_background', isMain: true, canStart: false },
	storageTemplateMigration: { label: 'queue_template', isMain: false, canStart: true },
	migration: { label: 'queue_migration', isMain: false, canStart: true },
	smartSearch: { label: 'queue_smart', isMain: false, canStart: true },
	faceDetection: { label: 'queue_faces', isMain: false, canStart: true },
	facialRecognition: { label: 'queue_people', isMain: false, canStart: true },
	duplicateDetection: { label: 'queue_duplicates', isMain: false, canStart: true },
	ocr: { label: 'queue_ocr', isMain: false, canStart: true },
	library: { label: 'queue_library', isMain: false, canStart: true },
	notifications: { label: 'queue_notifications', isMain: false, canStart: false },
	backupDatabase: { label: 'queue_backup', isMain: false, canStart: true },
	search: { label: 'queue_search', isMain: false, canStart: false },
	workflow: { label: 'queue_workflow', isMain: false, canStart: false },
	integrityCheck: { label: 'queue_integrity', isMain: false, canStart: false },
	editor: { label: 'queue_editor', isMain: false, canStart: false }
};
