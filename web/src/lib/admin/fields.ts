// The settings shown as fields, by their path in the tree, and how to read and change the tree.

import type { Settings } from '$lib/api/house';
import type { Key } from '$lib/text/t';

export type Field = {
	path: string;
	label: Key;
	why: Key;
	kind: 'switch' | 'number' | 'text' | 'lines' | 'choice';
	min?: number;
	max?: number;
	options?: string[];
};

export const FIELDS: Field[] = [
	{ path: 'trash.enabled', label: 'set_trash', why: 'set_trash_why', kind: 'switch' },
	{ path: 'trash.days', label: 'set_trash_days', why: 'set_trash_days_why', kind: 'number', min: 0, max: 3650 },
	{ path: 'storageTemplate.enabled', label: 'set_template', why: 'set_template_why', kind: 'switch' },
	{ path: 'storageTemplate.template', label: 'set_template_text', why: 'set_template_text_why', kind: 'text' },
	{ path: 'image.preview.size', label: 'set_preview', why: 'set_preview_why', kind: 'number', min: 720, max: 4320 },
	{ path: 'image.preview.quality', label: 'set_quality', why: 'set_quality_why', kind: 'number', min: 1, max: 100 },
	{ path: 'image.fullsize.enabled', label: 'set_fullsize', why: 'set_fullsize_why', kind: 'switch' },
	{ path: 'ffmpeg.transcode', label: 'set_transcode', why: 'set_transcode_why', kind: 'choice', options: ['all', 'optimal', 'bitrate', 'required', 'disabled'] },
	{ path: 'ffmpeg.targetResolution', label: 'set_resolution', why: 'set_resolution_why', kind: 'choice', options: ['480', '720', '1080', '1440', '2160', 'original'] },
	{ path: 'reverseGeocoding.enabled', label: 'set_places', why: 'set_places_why', kind: 'switch' },
	{ path: 'job.thumbnailGeneration.concurrency', label: 'set_thumb_jobs', why: 'set_jobs_why', kind: 'number', min: 1, max: 64 },
	{ path: 'job.metadataExtraction.concurrency', label: 'set_meta_jobs', why: 'set_jobs_why', kind: 'number', min: 1, max: 64 },
	{ path: 'job.videoConversion.concurrency', label: 'set_video_jobs', why: 'set_jobs_why', kind: 'number', min: 1, max: 16 },
	{ path: 'passwordLogin.enabled', label: 'set_password', why: 'set_password_why', kind: 'switch' },
	{ path: 'server.loginPageMessage', label: 'set_message', why: 'set_message_why', kind: 'text' },
	{ path: 'server.externalDomain', label: 'set_domain', why: 'set_domain_why', kind: 'text' },
	{ path: 'theme.customCss', label: 'settings_css', why: 'settings_css_why', kind: 'lines' },
	{ path: 'newVersionCheck.enabled', label: 'set_versions', why: 'set_versions_why', kind: 'switch' }
];

type Tree = { [key: string]: unknown };

export function read(tree: Settings, path: string): unknown {
	return path.split('.').reduce<unknown>((node, key) => (node as Tree | undefined)?.[key], tree);
}

/** A new tree with one leaf changed; the old one stays as it was. */
export function write(tree: Settings, path: string, value: unknown): Settings {
	const put = (node: Tree, [key, ...rest]: string[]): Tree => {
		if (key === undefined) return node;
		return { ...node, [key]: rest.length > 0 ? put((node[key] as Tree | undefined) ?? {}, rest) : value };
	};
	return put(tree as unknown as Tree, path.split('.')) as unknown as Settings;
}

export const changed = (tree: Settings, defaults: Settings, path: string): boolean => read(tree, path) !== read(defaults, path);
