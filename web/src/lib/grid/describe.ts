// What a screen reader says about a photo.

import { dayName, dayOf } from '$lib/time';
import { locale, t } from '$lib/text/t';
import type { Photo } from './photo';

export function describe(photo: Photo, position: number, total: number): string {
	const kind = photo.isImage ? (photo.livePhotoVideoId ? t('kind_live') : t('kind_photo')) : t('kind_video');
	const parts = [t('describe_position', { kind, position, total }), dayName(dayOf(photo.wallMs), locale)];
	if (photo.city ?? photo.country) parts.push(photo.city ?? photo.country ?? '');
	if (photo.why) parts.push(photo.why);
	if (photo.isFavorite) parts.push(t('favorite'));
	return parts.join(', ');
}
