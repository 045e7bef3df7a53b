// The server itself: who may ask, how it fares, what an administrator may turn.

import { api, type Wire } from './client';

export type User = Wire['UserAdminResponse'];
export type ServerConfig = Wire['ServerConfig'];
export type Features = Wire['Features'];
export type Storage = Wire['Storage'];
export type Statistics = Wire['calotype__wire__server__Statistics'];
export type Queue = Wire['Queue'];
export type Session = Wire['SessionResponse'];
export type ApiKey = Wire['ApiKeyResponse'];
export type AuthStatus = Wire['AuthStatusResponse'];
export type Settings = Wire['Settings'];
export type Health = Wire['Health'];
export type Finding = Wire['Finding'];
export type Opening = Wire['Opening'];
export type Failures = Wire['FailureList'];
export type FailureRetry = Partial<Wire['FailureRetry']>;
export type History = Wire['History'];
export type Seeing = Wire['Seeing'];
export type Station = Wire['Station'];
export type StationModel = Wire['StationModel'];

export const config = () => api.get<ServerConfig>('/server/config');
export const features = () => api.get<Features>('/server/features');
export const version = () => api.get<{ major: number; minor: number; patch: number }>('/server/version');
export const storage = () => api.get<Storage>('/server/storage');
export const mediaTypes = () => api.get<Wire['MediaTypes']>('/server/media-types');
export const health = () => api.get<Health>('/calotype/health');
export const activity = () => api.get<{ processing: number }>('/calotype/activity');
export const opening = () => api.get<Opening>('/calotype/opening');
export const doctor = () => api.get<Finding[]>('/calotype/doctor');

export const signUp = (name: string, email: string, password: string) =>
	api.post<User>('/auth/admin-sign-up', { name, email, password });
export const login = (email: string, password: string) => api.post('/auth/login', { email, password });
export const logout = () => api.post<{ redirectUri: string }>('/auth/logout');
export const me = () => api.get<User>('/users/me');
export const rename = (changes: { name?: string; email?: string }) => api.put<User>('/users/me', changes);
export const changePassword = (password: string, newPassword: string) =>
	api.post<User>('/auth/change-password', { password, newPassword });
export const setPassword = (password: string) => api.put<User>('/users/me', { password });
export const authStatus = () => api.get<AuthStatus>('/auth/status');
export const createPin = (pinCode: string) => api.post('/auth/pin-code', { pinCode });
export const changePin = (newPinCode: string, pinCode: string) => api.put('/auth/pin-code', { newPinCode, pinCode });
export const removePin = (password: string) => api.remove('/auth/pin-code', { password });
export const unlock = (pinCode: string) => api.post('/auth/session/unlock', { pinCode });
export const lock = () => api.post('/auth/session/lock');

export const sessions = () => api.get<Session[]>('/sessions');
export const endSession = (id: string) => api.remove(`/sessions/${id}`);
export const endOtherSessions = () => api.remove('/sessions');
export const apiKeys = () => api.get<ApiKey[]>('/api-keys');
export const createApiKey = (name: string, permissions: string[]) =>
	api.post<{ secret: string; apiKey: ApiKey }>('/api-keys', { name, permissions });
export const removeApiKey = (id: string) => api.remove(`/api-keys/${id}`);

export function uploadPortrait(file: File) {
	const form = new FormData();
	form.set('file', file);
	return api.post<{ profileImagePath: string; profileChangedAt: string }>('/users/profile-image', form);
}
export const removePortrait = () => api.remove('/users/profile-image');
export const portrait = (user: { id: string; profileChangedAt: string }) =>
	`/api/users/${user.id}/profile-image?d=${encodeURIComponent(user.profileChangedAt)}`;

export const users = () => api.get<User[]>('/admin/users', { withDeleted: true });
export const createUser = (user: { name: string; email: string; password: string; quotaSizeInBytes: number | null }) =>
	api.post<User>('/admin/users', user);
export const removeUser = (id: string) => api.remove<User>(`/admin/users/${id}`, {});
export const restoreUser = (id: string) => api.post<User>(`/admin/users/${id}/restore`);
export const statistics = () => api.get<Statistics>('/server/statistics');
export const queues = () => api.get<Queue[]>('/queues');
export const pauseQueue = (name: string, isPaused: boolean) => api.put<Queue>(`/queues/${name}`, { isPaused });
export const startQueue = (name: string, force: boolean) => api.put(`/jobs/${name}`, { command: 'start', force });
/** Everything once more, keeping what people said of it. */
export const lookAgain = (name: string) => api.put(`/jobs/${name}`, { command: 'start' });
export const clearQueue = (name: string, failed: boolean) => api.remove(`/queues/${name}/jobs`, { failed });
export const failures = () => api.get<Failures>('/calotype/failures');
export const retryFailures = (which: FailureRetry) => api.post<{ count: number }>('/calotype/failures/retry', which);
export const seeing = () => api.get<Seeing>('/calotype/models');
export const history = () => api.get<History>('/calotype/history');
export const settings = () => api.get<Settings>('/system-config');
export const settingDefaults = () => api.get<Settings>('/system-config/defaults');
export const saveSettings = (tree: Settings) => api.put<Settings>('/system-config', tree);

/** Whether the server answers at all. */
export const isThere = () =>
	api.get('/server/ping').then(
		() => true,
		() => false
	);
