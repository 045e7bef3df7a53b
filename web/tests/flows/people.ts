// Who lives in the house of the flows.

import { expect, type APIRequestContext } from '@playwright/test';

export const ADA = { name: 'Ada Lind', email: 'ada@example.com', password: 'a wonderful day' };

/** Signs these cookies in; the first time, as the administrator who sets the server up. */
export async function signIn(request: APIRequestContext, who: { name: string; email: string; password: string }) {
	const { isInitialized } = (await (await request.get('/api/server/config')).json()) as { isInitialized: boolean };
	if (!isInitialized) expect((await request.post('/api/auth/admin-sign-up', { data: who })).ok()).toBe(true);
	expect((await request.post('/api/auth/login', { data: who })).ok()).toBe(true);
}
