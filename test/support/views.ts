import { randomBytes } from 'node:crypto';
import type { View } from '@slack/web-api';

/** A modal that is open. */
export interface OpenModal {
  id: string;
  view: View;
}

type ViewAnswer = { ok: boolean; error?: string } & Record<string, unknown>;

/** The modals and Homes of a workspace: the emulator opens a modal only for a trigger of its own. */
export class Views {
  /** By Slack ID of the person. */
  readonly homes = new Map<string, View>();
  /** Oldest first. */
  readonly modals: OpenModal[] = [];
  /** Called after each change. */
  onChange: () => void = () => undefined;

  /** Answers `views.open`, `views.update` and `views.publish`; undefined for other methods. */
  answer(method: string, sent: Record<string, string>): ViewAnswer | undefined {
    const given = () => JSON.parse(sent.view ?? '{}') as View;
    switch (method) {
      case 'views.open': {
        if (!sent.trigger_id) return { ok: false, error: 'invalid_trigger_id' };
        const modal = { id: `V${randomBytes(5).toString('hex').toUpperCase()}`, view: given() };
        this.modals.push(modal);
        this.onChange();
        return { ok: true, view: { id: modal.id, ...modal.view } };
      }
      case 'views.update': {
        const { view_id: id = '' } = sent;
        const view = given();
        return this.replace(id, view) ? { ok: true, view: { id, ...view } } : { ok: false, error: 'not_found' };
      }
      case 'views.publish': {
        if (!sent.user_id) return { ok: false, error: 'invalid_arguments' };
        const view = given();
        this.homes.set(sent.user_id, view);
        this.onChange();
        return { ok: true, view };
      }
      default:
        return undefined;
    }
  }

  /** The modal that was opened last. */
  get modal(): OpenModal | undefined {
    return this.modals.at(-1);
  }

  /** Shows another view in an open modal; false if it is not open. */
  replace(id: string, view: View): boolean {
    const modal = this.modals.find((open) => open.id === id);
    if (!modal) return false;
    modal.view = view;
    this.onChange();
    return true;
  }

  close(id: string): void {
    const index = this.modals.findIndex((modal) => modal.id === id);
    if (index >= 0) this.modals.splice(index, 1);
    this.onChange();
  }
}
