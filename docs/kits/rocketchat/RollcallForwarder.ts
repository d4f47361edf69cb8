import { createHmac, randomUUID } from 'crypto';

import {
    IConfigurationExtend,
    IHttp,
    IRead,
} from '@rocket.chat/apps-engine/definition/accessors';
import { App } from '@rocket.chat/apps-engine/definition/App';
import { SettingType } from '@rocket.chat/apps-engine/definition/settings';
import {
    IPostUserCreated,
    IPostUserLoggedIn,
    IPostUserLoggedOut,
    IPostUserStatusChanged,
    IUser,
    IUserContext,
    IUserStatusContext,
} from '@rocket.chat/apps-engine/definition/users';

const ATTEMPTS = 5;

/**
 * Forwards what the hooks are given, in Rollcall's envelope, signed as Standard Webhooks say.
 *
 * `implements` leaves IPostUserUpdated and IPostUserDeleted out: the types of 1.66.0 ask for the method
 * executePostUserCreated in both, and the server calls the two methods below. app.json names all six.
 */
export class RollcallForwarder
    extends App
    implements IPostUserCreated, IPostUserLoggedIn, IPostUserLoggedOut, IPostUserStatusChanged
{
    public async executePostUserCreated(context: IUserContext, read: IRead, http: IHttp): Promise<void> {
        await this.forward('IPostUserCreated', context, read, http);
    }

    /** `context` has `previousData`, too, which the types leave out. */
    public async executePostUserUpdated(context: IUserContext, read: IRead, http: IHttp): Promise<void> {
        await this.forward('IPostUserUpdated', context, read, http);
    }

    public async executePostUserDeleted(context: IUserContext, read: IRead, http: IHttp): Promise<void> {
        await this.forward('IPostUserDeleted', context, read, http);
    }

    public async executePostUserLoggedIn(user: IUser, read: IRead, http: IHttp): Promise<void> {
        await this.forward('IPostUserLoggedIn', user, read, http);
    }

    public async executePostUserLoggedOut(user: IUser, read: IRead, http: IHttp): Promise<void> {
        await this.forward('IPostUserLoggedOut', user, read, http);
    }

    public async executePostUserStatusChanged(context: IUserStatusContext, read: IRead, http: IHttp): Promise<void> {
        await this.forward('IPostUserStatusChanged', context, read, http);
    }

    protected async extendConfiguration(configuration: IConfigurationExtend): Promise<void> {
        for (const [id, type] of [['url', SettingType.STRING], ['secret', SettingType.PASSWORD]] as const) {
            await configuration.settings.provideSetting({
                id,
                type,
                packageValue: '',
                required: true,
                public: false,
                i18nLabel: id,
            });
        }
    }

    private async forward(event: string, context: unknown, read: IRead, http: IHttp): Promise<void> {
        const environment = read.getEnvironmentReader();
        const url: string = await environment.getSettings().getValueById('url');
        const secret: string = await environment.getSettings().getValueById('secret');
        // Made before the first attempt: each attempt has to carry the same id and time.
        const eventId = randomUUID();
        const body = JSON.stringify({
            event,
            eventId,
            occurredAt: new Date().toISOString(),
            workspaceId: await environment.getServerSettings().getValueById('uniqueID'),
            context,
        });
        for (let attempt = 0; attempt < ATTEMPTS; attempt++) {
            if (await this.post(url, body, signed(secret, eventId, body), http)) {
                return;
            }
        }
        this.getLogger().error(`${event} ${eventId} was not forwarded`);
    }

    private async post(
        url: string,
        content: string,
        headers: { [name: string]: string },
        http: IHttp,
    ): Promise<boolean> {
        try {
            const { statusCode } = await http.post(url, { content, headers, timeout: 5000 });
            return statusCode >= 200 && statusCode < 300;
        } catch {
            return false;
        }
    }
}

function signed(secret: string, id: string, body: string): { [name: string]: string } {
    const seconds = Math.floor(Date.now() / 1000);
    const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
    const digest = createHmac('sha256', key).update(`${id}.${seconds}.${body}`).digest('base64');
    return {
        'content-type': 'application/json',
        'webhook-id': id,
        'webhook-timestamp': String(seconds),
        'webhook-signature': `v1,${digest}`,
    };
}
