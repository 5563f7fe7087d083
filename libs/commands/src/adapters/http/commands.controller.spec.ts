import { OpenStreams, PublicUrl, type Shutdown } from '@app/http';
import { aCaller } from '@app/kernel/testing';
import type { Request, Response } from 'express';
import type { CommandsService } from '../../application/commands.service.js';
import type { QueuePlaces } from '../../application/queue-places.js';
import { CommandsController } from './commands.controller.js';
import type { CreateCommandRequest } from './commands.dto.js';

describe('CommandsController', () => {
  it('creates no command on a replica that is about to stop, and says that another one will', async () => {
    const create = jest.fn();
    const controller = new CommandsController(
      { create } as unknown as CommandsService,
      {} as QueuePlaces,
      new OpenStreams(1),
      { isStopping: true } as Shutdown,
      new PublicUrl(null),
    );
    const body = { type: 'shell', script: 'true' } as CreateCommandRequest;
    const made = controller.create('web', body, aCaller(), {} as Request, {} as Response);
    await expect(made).rejects.toMatchObject({ code: 'SHUTTING_DOWN', retryable: true, retryAfterSeconds: 1 });
    expect(create).not.toHaveBeenCalled();
  });
});
