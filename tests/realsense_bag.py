"""A recording of RealSense's own SDK, made of software devices."""

import time


def record(rs, path, codes, rgb):
    """Record frames of a device made of software, depth and color of one view."""
    device = rs.software_device()
    sides = []
    for name, kind, form, data in (
        ("Stereo Module", rs.stream.depth, rs.format.z16, codes),
        ("RGB Camera", rs.stream.color, rs.format.rgb8, rgb),
    ):
        height, width = data.shape[1:3]
        camera = rs.intrinsics()
        camera.width, camera.height, camera.model = width, height, rs.distortion.none
        camera.fx = camera.fy = 80 * width / 144
        camera.ppx, camera.ppy, camera.coeffs = (width - 1) / 2, (height - 1) / 2, [0] * 5
        video = rs.video_stream()
        video.type, video.fmt, video.uid, video.fps = kind, form, len(sides) + 1, 30
        video.width, video.height, video.bpp = width, height, data[0].nbytes // (width * height)
        video.intrinsics = camera
        sensor = device.add_sensor(name)
        sides.append((sensor, sensor.add_video_stream(video), data))
    sides[0][0].add_read_only_option(rs.option.depth_units, 0.001)
    same = rs.extrinsics()
    same.rotation, same.translation = [1, 0, 0, 0, 1, 0, 0, 0, 1], [0, 0, 0]
    sides[0][1].register_extrinsics_to(sides[1][1], same)
    recorder, queue = rs.recorder(str(path), device), rs.frame_queue(100)
    sensors = recorder.query_sensors()
    for sensor in sensors:
        sensor.open(sensor.get_stream_profiles()[0])
        sensor.start(queue)
    for i in range(len(codes)):
        for sensor, profile, data in sides:
            frame = rs.software_video_frame()
            frame.pixels, frame.bpp = data[i], data[i, 0, 0].nbytes
            frame.stride = data[i, 0].nbytes
            frame.timestamp, frame.frame_number = 33.3 * i, i
            frame.domain, frame.profile = (
                rs.timestamp_domain.system_time,
                profile.as_video_stream_profile(),
            )
            sensor.on_video_frame(frame)
        time.sleep(0.05)
    for sensor in sensors:
        sensor.stop()
        sensor.close()
