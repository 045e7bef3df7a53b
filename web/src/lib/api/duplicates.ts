// Groups of photos that are, or seem to be, the same.

import { api, type Wire } from './client';
import type { Asset } from './assets';

export type Kind = 'same-bytes' | 'same-pixels' | 're-encoded' | 'edited' | 'burst' | 'similar';
export type Group = { duplicateId: string; assets: Asset[]; suggestedKeepAssetIds: string[]; kind?: Kind };
export type Decision = { duplicateId: string; keepAssetIds: string[]; trashAssetIds: string[] };
type Outcome = { id: string; success: boolean; error?: string; errorMessage?: string };

export const groups = (signal?: AbortSignal) => api.get<Group[]>('/duplicates', undefined, signal);
export const resolve = (decisions: Decision[]) => api.post<Outcome[]>('/duplicates/resolve', { groups: decisions });
export const dismiss = (ids: string[]) => api.remove('/duplicates', { ids });
export const undo = (duplicateId: string) => api.post(`/calotype/duplicates/${duplicateId}/undo`);
export type Exif = NonNullable<Wire['Asset']['exifInfo']>;
