// Groups of photos that are, or seem to be, the same.

import { api, type Wire } from './client';

export type Group = Wire['Duplicates'];
export type Kind = Group['kind'];
export type Wish = Wire['GroupWish'];

export const groups = (signal?: AbortSignal) => api.get<Group[]>('/duplicates', undefined, signal);
export const resolve = (wishes: Wish[]) => api.post<Wire['Outcome'][]>('/duplicates/resolve', { groups: wishes });
export const dismiss = (ids: string[]) => api.remove('/duplicates', { ids });
export const undo = (group: string) => api.post<Wire['Undone']>(`/calotype/duplicates/${group}/undo`);
