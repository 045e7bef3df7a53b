// A photo's facts as the short lines people read.

import type { Wire } from '$lib/api/client';

type Exif = Wire['Exif'];

const filled = (parts: (string | null | undefined | false)[]) => parts.filter((part): part is string => Boolean(part));

/** "Apple iPhone 7"; a model that already says its maker says it once. */
export function cameraLine(exif: Exif): string {
	const make = exif.make?.trim() ?? '';
	const model = exif.model?.trim() ?? '';
	return model.toLowerCase().startsWith(make.toLowerCase()) ? model : filled([make, model]).join(' ');
}

/** "ƒ/1.8 · 1/120 s · ISO 64 · 26 mm" */
export function lengthLine(exif: Exif, locale: string): string {
	const number = new Intl.NumberFormat(locale, { maximumFractionDigits: 1 });
	return filled([
		exif.fNumber != null && `ƒ/${number.format(exif.fNumber)}`,
		exif.exposureTime && `${exif.exposureTime} s`,
		exif.iso != null && `ISO ${exif.iso}`,
		exif.focalLength != null && `${number.format(exif.focalLength)} mm`
	]).join(' · ');
}

export function placeLine(exif: Exif): string {
	if (exif.latitude == null || exif.longitude == null) return '';
	return filled([exif.city, exif.state, exif.country]).join(', ') || '—';
}

/** A street map of the place. Only somebody who follows it tells anybody where that is, and nobody which page they came from. */
export function mapOutside(latitude: number, longitude: number): string {
	const [lat, lon] = [latitude.toFixed(5), longitude.toFixed(5)];
	return `https://www.openstreetmap.org/?mlat=${lat}&mlon=${lon}#map=16/${lat}/${lon}`;
}
