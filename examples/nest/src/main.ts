// The lane in a Nest app: GET /wordcount?text=to+be
import 'reflect-metadata';
import {
  type ArgumentsHost,
  Catch,
  Controller,
  type ExceptionFilter,
  Get,
  Injectable,
  Module,
  type OnApplicationShutdown,
  type OnModuleInit,
  Query,
  Req,
} from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { CallError, type CallOptions, type CpuLane, createLane } from 'millrace';

@Injectable()
class Lane implements OnModuleInit, OnApplicationShutdown {
  #lane?: CpuLane;

  async onModuleInit(): Promise<void> {
    this.#lane = await createLane({ tasks: new URL('../tasks', import.meta.url) });
  }

  async onApplicationShutdown(): Promise<void> {
    await this.#lane?.close();
  }

  async call(task: string, input: unknown, options: CallOptions): Promise<unknown> {
    return this.#lane?.call(task, input, options);
  }
}

@Controller()
class Words {
  constructor(private readonly lane: Lane) {}

  @Get('wordcount')
  count(@Query('text') text: string, @Req() req: NonNullable<CallOptions['req']>): Promise<unknown> {
    return this.lane.call('wordcount', { text }, { req });
  }
}

@Catch(CallError)
class CallErrors implements ExceptionFilter<CallError> {
  catch({ status, code, errors, retryAfterSeconds }: CallError, host: ArgumentsHost): void {
    const res = host.switchToHttp().getResponse();
    if (retryAfterSeconds !== undefined) res.set('Retry-After', String(retryAfterSeconds));
    res.status(status).json({ code, errors });
  }
}

@Module({ controllers: [Words], providers: [Lane] })
class App {}

const app = await NestFactory.create(App, { logger: ['error', 'warn'] });
app.useGlobalFilters(new CallErrors());
app.enableShutdownHooks();
await app.listen(process.env.PORT ?? 3000, '127.0.0.1');
console.log(await app.getUrl());
